"""What a phone does: it syncs, takes money offline, and sends it over a line that drops answers."""
