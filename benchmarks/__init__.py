"""Speed, memory and accuracy, measured on this machine; nothing in here is a test."""
