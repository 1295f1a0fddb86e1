"""Attacks on a real server, each by the weakest role that can try it. Times are compared with those of an idle server in the same run."""
