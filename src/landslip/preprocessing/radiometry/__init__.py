"""From stored counts to reflectance: calibration, sun, atmosphere, clouds."""
