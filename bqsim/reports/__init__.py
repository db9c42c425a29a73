"""Reports in the forms that people and CI systems read: text, Markdown, JUnit, SARIF, HTML with charts."""
