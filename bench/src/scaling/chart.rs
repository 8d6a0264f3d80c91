//! The results as small plots: a line for each engine, both scales logarithmic, those of a row the same.

use super::plan::{OPERATIONS, Part, READER_COUNTS};
use super::report::{Report, power, usual_operations};
use crate::chart::colour;
use crate::report::{duration, rate};
use std::fmt::Write;

const WIDTH: f64 = 1040.0;
const COLUMNS: usize = 4;
const PLOT_WIDTH: f64 = 180.0;
const PLOT_HEIGHT: f64 = 96.0;
const LEFT: f64 = 62.0;
const PANEL_WIDTH: f64 = 254.0;
const PANEL_HEIGHT: f64 = 152.0;
const TITLE_HEIGHT: f64 = 34.0;

struct Panel {
    title: String,
    /// What stands below each place.
    places: Vec<String>,
    /// For each engine its values, by place.
    lines: Vec<(&'static str, Vec<Option<f64>>)>,
}

/// Panels of one row, which share their scale.
struct Row {
    title: Option<String>,
    panels: Vec<Panel>,
    show: fn(f64) -> String,
}

impl Report<'_> {
    pub fn svg(&self, caption: &str) -> String {
        let rows: Vec<Row> = self.parts.iter().flat_map(|part| self.rows(*part)).collect();
        let titles = rows.iter().filter(|row| row.title.is_some()).count() as f64;
        let height = 64.0 + titles * TITLE_HEIGHT + rows.len() as f64 * PANEL_HEIGHT + 24.0;
        let mut out = format!(
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' font-family='sans-serif' \
             font-size='11'>\n<title>How costs grow</title>\n<rect width='{WIDTH}' height='{height}' \
             fill='#ffffff'/>\n<text x='12' y='22' font-size='15'>How costs grow</text>\n"
        );
        let mut x = 16.0;
        for engine in self.engines {
            dot(&mut out, engine, x, 44.0);
            let _ = writeln!(out, "<text x='{:.1}' y='48' font-size='13'>{engine}</text>", x + 12.0);
            x += 36.0 + 8.0 * engine.len() as f64;
        }
        let mut y = 64.0;
        for row in &rows {
            if let Some(title) = &row.title {
                let _ = writeln!(out, "<text x='12' y='{:.1}' font-size='14'>{title}</text>", y + 22.0);
                y += TITLE_HEIGHT;
            }
            draw_row(&mut out, row, y);
            y += PANEL_HEIGHT;
        }
        let _ = writeln!(out, "<text x='12' y='{:.1}' fill='#666666'>{caption}</text>", height - 8.0);
        out.push_str("</svg>\n");
        out
    }

    fn panel(
        &self,
        title: String,
        places: &[(String, String)],
        operation: impl Fn(usize) -> String,
    ) -> Panel {
        let value = |engine: &str, place: usize| {
            let sample = self.store.median(&places[place].0, engine, &operation(place))?;
            Some(sample.median_ns)
        };
        Panel {
            title,
            places: places.iter().map(|(_, label)| label.clone()).collect(),
            lines: self
                .engines
                .iter()
                .map(|&engine| (engine, (0..places.len()).map(|place| value(engine, place)).collect()))
                .collect(),
        }
    }

    fn rows(&self, part: Part) -> Vec<Row> {
        match part {
            Part::Keys => self.key_rows(),
            Part::Free => self.free_rows(),
            Part::Readers => self.reader_rows(),
            Part::Memory => self.memory_rows(),
        }
    }

    fn key_rows(&self) -> Vec<Row> {
        let cells = self.scale.cells(Part::Keys);
        let counts = [10_000u64, 100_000, 1_000_000, 10_000_000];
        let mut title = Some("By the number of keys, for four lengths of values".to_owned());
        let row = |(name, _, what): (&str, &str, &str)| {
            let panels = [10, 100, 1000, 100_000].map(|value_len| {
                let id = |count: u64| format!("keys/{value_len}/{count}");
                let places: Vec<(String, String)> = counts
                    .iter()
                    .map(|&count| (id(count), power(count)))
                    .filter(|(id, _)| cells.iter().any(|cell| cell.id == *id) || value_len == 100_000)
                    .collect();
                self.panel(format!("{what}: {value_len} bytes"), &places, |_| name.to_owned())
            });
            Row { title: title.take(), panels: panels.into(), show: duration }
        };
        usual_operations().map(row).collect()
    }

    fn free_rows(&self) -> Vec<Row> {
        let places: Vec<(String, String)> =
            [0, 100_000, 1_000_000].map(|count| (format!("free/{count}"), power(count))).into();
        let panels: Vec<Panel> = usual_operations()
            .map(|(name, _, what)| self.panel(what.to_owned(), &places, |_| name.to_owned()))
            .collect();
        in_rows("By the number of free pages", panels, duration)
    }

    fn reader_rows(&self) -> Vec<Row> {
        let places: Vec<(String, String)> =
            READER_COUNTS.map(|threads| ("readers".to_owned(), threads.to_string())).into();
        let panels = [100, 1].map(|batch| {
            let title = format!("{batch} a transaction");
            let mut panel =
                self.panel(title, &places, |place| format!("{}x{batch}", READER_COUNTS[place.min(3)]));
            for value in panel.lines.iter_mut().flat_map(|(_, values)| values).flatten() {
                *value = 1e9 / *value;
            }
            panel
        });
        in_rows("Gets a second of all threads, by their number", panels.into(), rate)
    }

    fn memory_rows(&self) -> Vec<Row> {
        let names = OPERATIONS.map(|(name, ..)| name);
        let places: Vec<(String, String)> = names.map(|name| ("memory".to_owned(), name.to_owned())).into();
        let panel = self.panel("by operation".to_owned(), &places, |place| names[place].to_owned());
        in_rows("With a quarter of the memory that the data take", vec![panel], duration)
    }
}

fn dot(out: &mut String, engine: &str, x: f64, y: f64) {
    let _ = writeln!(out, "<circle cx='{x:.1}' cy='{y:.1}' r='3.2' fill='{}'/>", colour(engine));
}

fn in_rows(title: &str, panels: Vec<Panel>, show: fn(f64) -> String) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for panel in panels {
        match rows.last_mut() {
            Some(row) if row.panels.len() < COLUMNS => row.panels.push(panel),
            last => {
                let title = if last.is_none() { Some(title.to_owned()) } else { None };
                rows.push(Row { title, panels: vec![panel], show });
            }
        }
    }
    rows
}

fn draw_row(out: &mut String, row: &Row, top: f64) {
    let values = || row.panels.iter().flat_map(|panel| &panel.lines).flat_map(|(_, values)| values).flatten();
    let (low, high) =
        values().fold((f64::MAX, 0.0f64), |(low, high), &value| (low.min(value), high.max(value)));
    if high <= 0.0 {
        return;
    }
    let low = low.max(1e-3).log10().floor();
    let high = high.log10().ceil().max(low + 1.0);
    for (column, panel) in row.panels.iter().enumerate() {
        draw(out, panel, row.show, (column as f64 * PANEL_WIDTH + LEFT, top + 20.0), (low, high));
    }
}

/// A panel whose plot begins at `(left, top)`, with powers of ten from `low` to `high`.
fn draw(
    out: &mut String,
    panel: &Panel,
    show: fn(f64) -> String,
    (left, top): (f64, f64),
    (low, high): (f64, f64),
) {
    let _ =
        writeln!(out, "<text x='{left:.1}' y='{:.1}' font-weight='bold'>{}</text>", top - 8.0, panel.title);
    // More places than usual get a plot as wide as two.
    let width = if panel.places.len() > 4 { PLOT_WIDTH + PANEL_WIDTH } else { PLOT_WIDTH };
    let step = width / panel.places.len().max(1) as f64;
    let x_of = |place: usize| left + (place as f64 + 0.5) * step;
    let y_of = |value: f64| top + PLOT_HEIGHT * (high - value.max(1e-3).log10()) / (high - low);
    let mut power = low;
    while power <= high {
        let y = y_of(10f64.powf(power));
        let _ = writeln!(out, "<path d='M{left:.1} {y:.1}h{width}' stroke='#e2e2e2'/>");
        let label = show(10f64.powf(power));
        let label = label.replacen(".00", "", 1).replacen(".0", "", 1);
        let _ = writeln!(
            out,
            "<text x='{:.1}' y='{:.1}' text-anchor='end' fill='#666666' font-size='10'>{label}</text>",
            left - 5.0,
            y + 3.5
        );
        power += 1.0;
    }
    for (place, label) in panel.places.iter().enumerate() {
        let _ = writeln!(
            out,
            "<text x='{:.1}' y='{:.1}' text-anchor='middle' fill='#666666' font-size='10'>{label}</text>",
            x_of(place),
            top + PLOT_HEIGHT + 14.0
        );
    }
    // libbolt last, so that it lies above the others.
    for (engine, values) in panel.lines.iter().rev() {
        let points: Vec<(f64, f64)> = values
            .iter()
            .enumerate()
            .filter_map(|(place, value)| Some((x_of(place), y_of((*value)?))))
            .collect();
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(
            out,
            "<polyline points='{}' fill='none' stroke='{}' stroke-width='1.5'/>",
            path.join(" "),
            colour(engine)
        );
        for (x, y) in points {
            dot(out, engine, x, y);
        }
    }
}
