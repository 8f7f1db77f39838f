"""How a plan is built: running lines, headings, sections, paragraphs, tables and places on the page."""
