"""Real frontends in a real browser: JupyterLab, Notebook and Voila in headless Chromium."""
