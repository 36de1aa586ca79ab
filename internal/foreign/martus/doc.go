// SPDX-License-Identifier: AGPL-3.0-or-later

// Package martus reads bulletins that Martus wrote as XML: the export of format
// version 2 (with BulletinMetaData), and the older dialect that its import takes
// (no metadata, attachments among the values). One reader takes both.
//
// Written from the schema and the samples of benetech/martus (see docs/spec/formats.md).
//
// The table has a sheet of bulletins (a column a field, under its tag), one of
// the rows of all grids, and one of attachments. Files lie beside the XML under
// their own name. A bulletin of the older dialect has no id: it gets the digest
// of its values, so that the same bulletin is found again and a changed one is
// a new one; nothing is ever tied by its title.
package martus
