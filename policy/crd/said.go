package crd

// properties are all properties, in the order of Property's constants.
var properties = [...]Property{
	PropertyClass, PropertyTargets, PropertyStrategy, PropertyWhole, PropertyAtMost, PropertyBlock, PropertyInline,
	PropertyAppliesTo, PropertyBounds, PropertySummary, PropertyStatedBy, PropertyManageStatus,
}

// says reports whether a property is declared.
func (d *Declarations) says(p Property) bool {
	switch p {
	case PropertyClass:
		return d.Class != ""
	case PropertyTargets:
		return d.Targets != nil
	case PropertyStrategy:
		return d.Word != nil
	case PropertyWhole:
		return d.Whole != nil
	case PropertyAtMost:
		return d.AtMost != nil
	case PropertyBlock:
		return d.Blocks != nil
	case PropertyInline:
		return d.Inline != nil
	case PropertyAppliesTo:
		return d.AppliesTo != nil
	case PropertyBounds:
		return d.Bounds != nil
	case PropertySummary:
		return d.Summary != nil
	case PropertyStatedBy:
		return d.StatedBy != nil
	default:
		return d.ManageStatus != nil
	}
}

// said lists the declared properties.
func (d *Declarations) said() []Property {
	var list []Property
	for _, p := range properties {
		if d.says(p) {
			list = append(list, p)
		}
	}
	return list
}

// Said is a declared property, with its text in the declaration.
type Said struct {
	Property Property
	Words    string
	Source   Source
}

// Said lists the declared properties of the kind with their sources, in the order of the
// properties.
func (d *Definition) Said() []Said {
	var list []Said
	for _, p := range properties {
		if source, is := d.Sources[p]; is {
			list = append(list, Said{p, d.Words[p], source})
		}
	}
	return list
}

// take replaces the declaration of one property.
func (d *Declarations) take(p Property, from Declarations) {
	switch p {
	case PropertyClass:
		d.Class = from.Class
	case PropertyTargets:
		d.Targets = from.Targets
	case PropertyStrategy:
		d.Word = from.Word
	case PropertyWhole:
		d.Whole = from.Whole
	case PropertyAtMost:
		d.AtMost = from.AtMost
	case PropertyBlock:
		d.Blocks = from.Blocks
	case PropertyInline:
		d.Inline = from.Inline
	case PropertyAppliesTo:
		d.AppliesTo = from.AppliesTo
	case PropertyBounds:
		d.Bounds = from.Bounds
	case PropertySummary:
		d.Summary = from.Summary
	case PropertyStatedBy:
		d.StatedBy = from.StatedBy
	case PropertyManageStatus:
		d.ManageStatus = from.ManageStatus
	}
}
