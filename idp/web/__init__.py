"""What all pages share: the browser's key, anti-forgery, forms, headers, rendering, errors. Knows no flow."""
