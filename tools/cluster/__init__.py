"""A cluster on one machine: what deploy/cluster/ configures for several, on addresses of the loopback network (`make cluster`)."""
