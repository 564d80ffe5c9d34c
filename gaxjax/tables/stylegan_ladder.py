"""StyleGAN's configs A to F, at a small size. Karras et al. 2019, table 1."""

from gaxjax.tables import stylegan

make = stylegan.make_table("stylegan_ladder", 1, stylegan.ladder)
