// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/geo"
	"github.com/kua-registry/kua/internal/registry"
)

// maxMapFile bounds a map: what is larger is simplified first.
const maxMapFile = 16 << 20

func (p *program) geojsonCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "geojson", Short: "The installation's own map of the regions"}
	var property string
	set := &cobra.Command{
		Use:   "set FILE",
		Short: "Draw the regions by the areas of a GeoJSON file",
		Long: `Draw the regions by the areas of a GeoJSON file (RFC 7946: degrees of WGS 84,
longitude first) instead of tiles. --property names the property that says which
region a feature is, by its ISO 3166-2 code or its name; without it the one that
fits most features is taken. Nothing of the file is kept but the outlines, made
as simple as a page needs, sealed in the register as everything is.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := readFile(args[0], maxMapFile)
			if err != nil {
				return err
			}
			reg, session, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			report, err := reg.SetOwnMap(cmd.Context(), session, registry.MapFile{GeoJSON: data, Property: property})
			if errors.Is(err, geo.ErrNoRegion) && len(report.Others) > 0 {
				return fmt.Errorf("%w; %q says %s", err, report.Property, strings.Join(firstFew(report.Others), ", "))
			}
			if err != nil {
				return err
			}
			if p.json {
				return printJSON(p.out, map[string]any{
					"property": report.Property, "regions": report.Regions, "missing": notNil(report.Missing), "others": notNil(report.Others), "points": report.Points,
				})
			}
			fmt.Fprintf(p.out, "%s drawn by %s, %s.\n", counted(len(report.Regions), "region", "regions"), report.Property, counted(report.Points, "point", "points"))
			if len(report.Missing) > 0 {
				fmt.Fprintf(p.out, "Without an area, listed below the map: %s.\n", strings.Join(report.Missing, ", "))
			}
			if len(report.Others) > 0 {
				fmt.Fprintf(p.out, "No region of the register: %s.\n", strings.Join(firstFew(report.Others), ", "))
			}
			return nil
		},
	}
	set.Flags().StringVar(&property, "property", "", "the property that holds the region's code or name")
	remove := &cobra.Command{
		Use:   "remove",
		Short: "Draw the regions as tiles again",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			if err := reg.RemoveOwnMap(cmd.Context(), session); errors.Is(err, registry.ErrNotFound) {
				return errors.New("there is no map to remove: the regions are drawn as tiles")
			} else if err != nil {
				return err
			}
			if p.json {
				return printJSON(p.out, map[string]any{"regions": []string{}})
			}
			fmt.Fprintln(p.out, "The regions are drawn as tiles again.")
			return nil
		},
	}
	show := &cobra.Command{
		Use:   "show",
		Short: "Say which regions the map has",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			drawing, own, err := reg.OwnMap(cmd.Context(), session)
			if err != nil {
				return err
			}
			codes := []string{}
			for _, shape := range drawing.Shapes {
				codes = append(codes, shape.Code)
			}
			switch {
			case p.json:
				return printJSON(p.out, map[string]any{"regions": codes})
			case !own:
				fmt.Fprintln(p.out, "The regions are drawn as tiles.")
			default:
				fmt.Fprintf(p.out, "%s: %s.\n", counted(len(codes), "region", "regions"), strings.Join(codes, ", "))
			}
			return nil
		},
	}
	cmd.AddCommand(set, remove, show)
	return cmd
}

// firstFew are the first few of what a file says, shortened: enough to see what it is.
func firstFew(texts []string) []string {
	const few, letters = 5, 40
	var out []string
	for _, text := range texts[:min(len(texts), few)] {
		if runes := []rune(text); len(runes) > letters {
			text = string(runes[:letters]) + "…"
		}
		out = append(out, text)
	}
	return out
}

// notNil is a list for JSON: none is an empty one.
func notNil(list []string) []string { return append([]string{}, list...) }
