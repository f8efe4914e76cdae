//! Throughput over captured time as an SVG: towards the responders above the axis, back below it.
//!
//! plotters is named in this file alone. Its SVG back end needs no fonts: the viewer brings them.

use std::error::Error;
use std::time::Duration;

use plotters::chart::ChartContext;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::{
    AreaSeries, Cartesian2d, ChartBuilder, Color, DrawingBackend, IntoDrawingArea, IntoFont, PathElement,
    RGBColor, SVGBackend, SeriesLabelPosition, TextStyle, WHITE,
};

use super::quantity::{Quantity, count};
use super::{Report, table};
use crate::measurement::Sample;
use crate::source;

/// Width and height.
const SIZE: (u32, u32) = (1080, 520);

const INGRESS: RGBColor = RGBColor(0x1b, 0x6c, 0xa8);
const EGRESS: RGBColor = RGBColor(0xd9, 0x6b, 0x27);
const GRID: RGBColor = RGBColor(0xe4, 0xe7, 0xeb);
const AXIS: RGBColor = RGBColor(0x8a, 0x93, 0x9e);
const TEXT: RGBColor = RGBColor(0x2b, 0x32, 0x3a);

/// Names that do not fit a line are cut after so many characters.
const TITLE_LENGTH: usize = 90;

/// Coordinates: captured time in the axis' unit, bit/s.
type Plane = Cartesian2d<RangedCoordf64, RangedCoordf64>;

/// Draws the chart.
///
/// # Errors
///
/// The drawing library fails, for which no cause is known: it draws into memory.
pub fn render(report: &Report) -> Result<String, Box<dyn Error>> {
    let mut svg = String::new();
    draw(report, SVGBackend::with_string(&mut svg, SIZE))?;
    Ok(svg)
}

fn draw<B: DrawingBackend>(report: &Report, backend: B) -> Result<(), Box<dyn Error>>
where
    B::ErrorType: 'static,
{
    let root = backend.into_drawing_area();
    root.fill(&WHITE)?;
    let root = root
        .titled(&title(report), text(22.0))?
        .titled(&subtitle(report), text(14.0))?;
    let samples = &report.measurement.samples;
    let unit = TimeUnit::of(samples.last().map_or(Duration::ZERO, |last| last.at));
    let end = samples.last().map_or(1.0, |last| unit.of_duration(last.at));
    let highest = |rate: fn(&Sample) -> f64| samples.iter().map(rate).fold(0.0, f64::max);
    let (up, down) = (highest(ingress), highest(egress));
    // The legend's height above, a little below, and an axis where nothing moved.
    let height = (up + down).max(1.0);
    let (above, below) = (height * 0.18, height * 0.04);
    let mut chart = ChartBuilder::on(&root)
        .margin(16)
        .x_label_area_size(48)
        .y_label_area_size(110)
        .build_cartesian_2d(0.0..end, -(down + below)..(up + above))?;
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(WHITE)
        .axis_style(AXIS)
        .label_style(text(13.0))
        .axis_desc_style(text(14.0))
        .x_desc(format!("captured time ({})", unit.name))
        .y_desc("throughput (bit/s)")
        .x_labels(12)
        .y_labels(9)
        .x_label_formatter(&|time| format!("{time:.1}").trim_end_matches(".0").to_owned())
        .y_label_formatter(&|rate| Quantity::bitrate(rate.abs()).to_string())
        .draw()?;
    curve(
        &mut chart,
        samples,
        unit,
        INGRESS,
        "to the responders (ingress)",
        ingress,
    )?;
    curve(
        &mut chart,
        samples,
        unit,
        EGRESS,
        "to the initiators (egress)",
        |sample| -egress(sample),
    )?;
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.85))
        .border_style(GRID)
        .label_font(text(13.0))
        .draw()?;
    root.present()?;
    Ok(())
}

/// Draws one direction as a filled staircase: a sample is an average over its span.
fn curve<B: DrawingBackend>(
    chart: &mut ChartContext<'_, B, Plane>,
    samples: &[Sample],
    unit: TimeUnit,
    color: RGBColor,
    label: &str,
    rate: impl Fn(&Sample) -> f64,
) -> Result<(), Box<dyn Error>>
where
    B::ErrorType: 'static,
{
    let steps = samples.iter().flat_map(|sample| {
        let from = unit.of_duration(sample.at.saturating_sub(sample.span));
        [(from, rate(sample)), (unit.of_duration(sample.at), rate(sample))]
    });
    chart
        .draw_series(AreaSeries::new(steps, 0.0, color.mix(0.35)).border_style(color.stroke_width(1)))?
        .label(label)
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(4)));
    Ok(())
}

fn ingress(sample: &Sample) -> f64 {
    bitrate(sample.rx_bytes, sample.span)
}

fn egress(sample: &Sample) -> f64 {
    bitrate(sample.tx_bytes, sample.span)
}

#[expect(clippy::cast_precision_loss, reason = "pixels are coarser")]
fn bitrate(bytes: u64, span: Duration) -> f64 {
    if span.is_zero() {
        0.0
    } else {
        bytes as f64 * 8.0 / span.as_secs_f64()
    }
}

fn text(size: f64) -> TextStyle<'static> {
    TextStyle::from(("sans-serif", size).into_font()).color(&TEXT)
}

fn title(report: &Report) -> String {
    let names = source::printable(&report.names());
    match names.char_indices().nth(TITLE_LENGTH) {
        Some((end, _)) => format!("{}…", names.get(..end).unwrap_or_default()),
        None => names,
    }
}

fn subtitle(report: &Report) -> String {
    let totals = report.measurement.counted();
    let start = report.measurement.started_at.and_then(table::start);
    format!(
        "{} packets, {} in {} conversations{}",
        count(totals.packets()),
        Quantity::bytes(totals.bytes()),
        count(report.conversations() as u64),
        start.map_or_else(String::new, |start| format!(", from {start}")),
    )
}

/// The unit of the time axis.
#[derive(Clone, Copy)]
struct TimeUnit {
    name: &'static str,
    seconds: f64,
}

impl TimeUnit {
    /// The largest unit that keeps the axis' numbers above 2 at its end.
    fn of(span: Duration) -> Self {
        let units = [("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0)];
        let fits = units
            .into_iter()
            .find(|(_, seconds)| span.as_secs_f64() >= seconds * 2.0);
        let (name, seconds) = fits.unwrap_or(("seconds", 1.0));
        Self { name, seconds }
    }

    fn of_duration(self, duration: Duration) -> f64 {
        duration.as_secs_f64() / self.seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Format, Rank};
    use crate::measurement::Measurement;
    use crate::report::InputReport;

    fn svg(samples: Vec<Sample>) -> String {
        let input = InputReport {
            name: "a<b>.pcap".to_owned(),
            recognized: true,
            ..InputReport::default()
        };
        let measurement = Measurement {
            samples,
            ..Measurement::default()
        };
        render(&Report::new(
            vec![input],
            measurement,
            Rank::Total,
            None,
            Format::Table,
        ))
        .unwrap()
    }

    #[test]
    fn a_chart_names_its_axes_and_directions_and_escapes_its_title() {
        let span = Duration::from_secs(60);
        let sample = |minute: u32| Sample {
            at: span * minute,
            span,
            rx_bytes: 7500,
            tx_bytes: 750_000,
        };
        let svg = svg((1..=5).map(sample).collect());
        for text in [
            "captured time (minutes)",
            "throughput (bit/s)",
            "ingress",
            "egress",
            "kbit/s",
            "a&lt;b&gt;.pcap",
        ] {
            assert!(svg.contains(text), "no {text:?} in {svg}");
        }
        assert!(svg.trim_end().ends_with("</svg>"));
    }

    #[test]
    fn nothing_to_draw_still_gives_a_chart() {
        assert!(svg(Vec::new()).contains("captured time (seconds)"));
        let frozen = Sample {
            at: Duration::ZERO,
            span: Duration::ZERO,
            rx_bytes: 5,
            tx_bytes: 0,
        };
        assert!(svg(vec![frozen]).contains("</svg>"));
    }
}
