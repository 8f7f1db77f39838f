"""The web pages: templates, scripts, languages, and what they show of jobs, plans, passages and corrections."""
