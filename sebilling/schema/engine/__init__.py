"""The reading engine: fields declared once, statements from selections, answers in the shape in which the database writes them."""
