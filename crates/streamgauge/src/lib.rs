//! A session meter for hot packet paths.
