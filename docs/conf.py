"""How Sphinx makes the site.

`make docs` runs it on a copy of this folder in which the links to the README and to the notebooks
are files: MyST looks for a page where its file really is.
"""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "luminous_nix_ipy"
release = version = version_of("luminous-nix-ipy")
copyright = "the authors, MIT licence"

extensions = ["myst_nb", "generated"]
exclude_patterns = ["README.md", "notebooks/**.md", "**/.ipynb_checkpoints"]
needs_sphinx = "8.0"

# A reference that leads nowhere stops the build. The types in signatures are names only.
# Quotation marks and dashes stay as they are written.
smartquotes = False

nitpicky = True
nitpick_ignore_regex = [("py:class", ".*")]

myst_enable_extensions = ["deflist", "fieldlist"]
myst_heading_anchors = 3
add_module_names = False
python_use_unqualified_type_names = True

# Pages are executed each time, in a folder of their own; notebooks are shown as they were saved.
nb_execution_mode = "force"
nb_execution_excludepatterns = ["notebooks/*", "notebooks/**/*"]
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True
# An error of ours is sentences, no traceback.
nb_render_error_lexer = "text"
# What a page shows needs no kernel and no other host: of a widget its still picture.
nb_ipywidgets_js = {}
nb_mime_priority_overrides = [
    ("html", "application/vnd.jupyter.widget-view+json", None),
]

html_title = "luminous_nix_ipy"
html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
# Only where a page has others below or beside it is there something to navigate at its side.
_WITHOUT_SIDEBAR = (
    "start concepts runbooks settings errors safety frontends migration changelog genindex"
)
html_sidebars = {page: [] for page in _WITHOUT_SIDEBAR.split()}
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_nav_level": 1,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "back_to_top_button": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
