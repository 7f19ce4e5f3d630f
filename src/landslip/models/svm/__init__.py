"""The support vector machine on pixel spectra that networks are compared with."""
