"""A rehearsal's report: text, Markdown, JSON, one HTML page, charts as SVG and PNG files."""
