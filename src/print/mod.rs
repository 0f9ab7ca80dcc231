//! Sheets, forms and pages.
