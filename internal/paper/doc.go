// SPDX-License-Identifier: AGPL-3.0-or-later

// Package paper writes documents: statements, dossiers, letters, medical
// opinions. Whoever has something to say makes a Document of headings,
// paragraphs, lists, quotes, tables and pictures, once; the writers HTML, PDF,
// DOCX, Markdown and Text put the same words into a file.
//
//	d := paper.Document{
//		Lang:  "ru",
//		Title: "Пытки остаются безнаказанными",
//		Date:  day,
//		Blocks: []paper.Block{
//			paper.Heading{Level: 1, Text: paper.Words("Что известно")},
//			paper.Paragraph{Text: []paper.Inline{
//				paper.Plain("Зарегистрировано "),
//				paper.Figure{ID: "registered_146", Text: "69 дел", Definition: "Дела, зарегистрированные в ЕРДР по статье 146 УК."},
//				paper.Plain("."),
//			}},
//		},
//	}
//	err := paper.PDF(w, d)
//
// # Notes
//
// Notes are numbered in the order in which the text first refers to them, by a
// NoteRef or by a Figure with a definition. The same note, or the same figure
// again, keeps its number. A note nobody refers to is printed after the others.
//
// # What it must never do
//
// It never reads the clock, the machine or a file: the same document gives the
// same bytes. It never says who wrote a file, with what, or where. It never
// leaves out a word of the document without an error: what a format can't show,
// such as a picture in plain text, stands there in words. It never lets text
// become markup, and never lets a file fetch anything from outside.
package paper
