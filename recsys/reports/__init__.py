"""Pages for people: self-contained HTML with inline SVG, made from values alone."""
