//! What the auditor reads.
