"""What goes to the Hugging Face Hub, and how: a model, a database as a dataset, and the page."""
