"""Pictures of reports: charts as data, drawn as SVG without any library, or by matplotlib."""
