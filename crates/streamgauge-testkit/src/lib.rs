//! What the tests and benches of streamgauge share.
