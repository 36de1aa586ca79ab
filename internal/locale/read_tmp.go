package locale

import "github.com/kua-registry/kua/internal/edtf"

func ReadDate(s string) (edtf.Date, error) { return edtf.Parse(s) }
func ReadMissing(s string) (string, bool)  { return s, s == "unknown" }
