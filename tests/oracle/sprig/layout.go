package main
func layoutRows() {}
