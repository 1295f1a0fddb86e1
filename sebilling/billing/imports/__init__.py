"""Import customers from spreadsheets, routers and other billing systems. A file is imported completely or not at all."""
