"""What to do about an image: the fewest upgrades that close the most findings."""
