"""Record formats: each cuts the bytes of a source into raw records, and parses these; `table.py` lists them."""
