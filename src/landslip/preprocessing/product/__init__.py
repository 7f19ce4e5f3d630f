"""Gaofen products as they are delivered: archives or folders of images, metadata, camera models."""
