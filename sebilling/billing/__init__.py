"""The domain: one file per word of the manual. Verbs take a WriteSession and never commit; reads take a ReadSession."""
