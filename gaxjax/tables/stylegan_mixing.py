"""Samples of StyleGANs with the styles of 1 to 4 latents, at a small size. Karras et al. 2019, table 2."""

from gaxjax.tables import stylegan

make = stylegan.make_table("stylegan_mixing", 2, stylegan.mixing)
