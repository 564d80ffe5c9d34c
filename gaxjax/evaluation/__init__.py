"""Measuring a run, or folders of images: statistics on all devices, kept ones, and spaces of latents."""
