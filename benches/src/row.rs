//! Rows of the tables that are published: what was measured, its figure, and the goal that it meets or falls short of.

use std::fmt;

use crate::series::Series;

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds, shown as what fits.
    Time,
    /// Bytes.
    Bytes,
    /// A ratio.
    Ratio,
    /// Things.
    Count,
}

impl Unit {
    fn show(self, figure: f64) -> String {
        match self {
            Self::Time if figure < 100.0 => format!("{figure:.2} ns"),
            Self::Time if figure < 10_000.0 => format!("{figure:.0} ns"),
            Self::Time if figure < 1e6 => format!("{:.1} µs", figure / 1e3),
            Self::Time if figure < 1e10 => format!("{:.2} ms", figure / 1e6),
            Self::Time => format!("{:.1} s", figure / 1e9),
            Self::Bytes => format!("{figure:.1} B"),
            Self::Ratio => format!("{figure:.3}"),
            Self::Count => format!("{figure:.0}"),
        }
    }
}

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    what: String,
    ours: String,
    rival: String,
    figure: Series,
    unit: Unit,
    goal: Option<f64>,
}

impl Row {
    /// Our time beside a rival's; the figure is the ratio within each round.
    #[must_use]
    pub fn ratio(
        what: impl Into<String>,
        ours: &Series,
        rival: &str,
        theirs: &Series,
        goal: Option<f64>,
    ) -> Self {
        Self {
            what: what.into(),
            ours: Unit::Time.show(ours.median()),
            rival: format!("{rival}: {}", Unit::Time.show(theirs.median())),
            figure: ours.over(theirs),
            unit: Unit::Ratio,
            goal,
        }
    }

    /// A figure that is compared with a number.
    #[must_use]
    pub fn figure(what: impl Into<String>, ours: &Series, unit: Unit, goal: Option<f64>) -> Self {
        Self {
            what: what.into(),
            ours: unit.show(ours.median()),
            rival: String::new(),
            figure: ours.clone(),
            unit,
            goal,
        }
    }

    /// Shows in the rival's place what the figure stands beside.
    #[must_use]
    pub fn beside(mut self, rival: impl Into<String>) -> Self {
        self.rival = rival.into();
        self
    }

    /// Whether the median is within the goal, where there is one.
    #[must_use]
    pub fn is_met(&self) -> Option<bool> {
        self.goal.map(|goal| self.figure.median() <= goal)
    }

    /// The head of a table of rows.
    #[must_use]
    pub fn head() -> &'static str {
        "| what | ours | rival | median (least .. most) | target | |\n|---|---|---|---|---|---|"
    }
}

impl fmt::Display for Row {
    /// A line of a Markdown table.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |figure| self.unit.show(figure);
        let figure = &self.figure;
        write!(
            f,
            "| {} | {} | {} | {} ({} .. {}) | {} | {} |",
            self.what,
            self.ours,
            self.rival,
            show(figure.median()),
            show(figure.min()),
            show(figure.max()),
            self.goal
                .map(|goal| format!("<= {}", show(goal)))
                .unwrap_or_default(),
            match self.is_met() {
                Some(true) => "met",
                Some(false) => "**short**",
                None => "",
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, Unit};
    use crate::series::Series;

    fn series(figures: &[f64]) -> Series {
        figures.iter().copied().collect()
    }

    #[test]
    fn ratio_is_judged_by_its_median() {
        let (ours, theirs) = (series(&[8.0, 9.0, 30.0]), series(&[8.0, 10.0, 10.0]));
        let row = Row::ratio("what", &ours, "rival", &theirs, Some(1.15));
        assert_eq!(row.is_met(), Some(true));
        assert_eq!(
            row.to_string(),
            "| what | 9.00 ns | rival: 10.00 ns | 1.000 (0.900 .. 3.000) | <= 1.150 | met |"
        );
    }

    #[test]
    fn figure_above_its_goal_falls_short() {
        let row = Row::figure("what", &series(&[2_500_000.0]), Unit::Time, Some(1_000_000.0));
        assert_eq!(
            row.to_string(),
            "| what | 2.50 ms |  | 2.50 ms (2.50 ms .. 2.50 ms) | <= 1.00 ms | **short** |"
        );
        assert_eq!(
            Row::figure("what", &series(&[1.0]), Unit::Bytes, None).is_met(),
            None
        );
    }
}
