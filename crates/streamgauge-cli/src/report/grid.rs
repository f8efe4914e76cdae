//! Columns of names and numbers for people, with a line under the header and one above the totals.
//!
//! comfy-table is named in this file alone.

use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

/// A line under the header and nothing else.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::new('─', '─', '─', '─'));

/// A table that is filled row by row.
#[derive(Debug)]
pub(crate) struct Grid {
    table: Table,
    /// Whether its last row is the totals.
    has_total: bool,
}

impl Grid {
    /// An empty table whose first `names` columns are text, on the left, and the others numbers, on the right.
    pub(crate) fn new(columns: impl IntoIterator<Item = impl ToString>, names: usize) -> Self {
        let mut table = Table::new();
        // Never as wide as a terminal: what is piped into a file looks the same.
        table
            .load_style(STYLE)
            .set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(columns.into_iter().map(|column| column.to_string()));
        for column in table.column_iter_mut().skip(names) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        Self {
            table,
            has_total: false,
        }
    }

    /// Adds a row.
    pub(crate) fn add(&mut self, cells: impl IntoIterator<Item = String>) {
        self.table.add_row(cells);
    }

    /// Adds the row of totals, which is the last.
    pub(crate) fn add_total(&mut self, cells: impl IntoIterator<Item = String>) {
        self.add(cells);
        self.has_total = true;
    }

    /// Writes the table.
    pub(crate) fn write(&self, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
        let lines: Vec<_> = self.table.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            // The line under the header stands above the totals too.
            if let (true, true, Some(rule)) = (self.has_total, index + 1 == lines.len(), lines.get(1)) {
                writeln!(out, "{rule}")?;
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
