"""Programs for developers: the web app's build, the API reference, a cluster on one machine."""
