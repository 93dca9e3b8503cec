package main
func regexpRows() {}
