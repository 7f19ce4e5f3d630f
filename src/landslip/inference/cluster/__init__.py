"""Computing windows on many machines: workers of a Ray cluster, and who gives them work."""
