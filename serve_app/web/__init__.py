"""What the web pages stand on: languages, the list of municipalities, and what compares the plans of a batch."""
