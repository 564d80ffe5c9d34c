"""Measuring a run, or folders of images.

measuring: what the command does; evaluator: metrics with all they need; sampler: fakes on all devices;
extractors, gathering: from images to statistics; stored: the cache of these; latent_space,
lower_bound, readings: what a game itself is asked.
"""
