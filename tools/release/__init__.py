"""A release: wheels, bills of materials, licences and sums."""
