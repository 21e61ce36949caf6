mod readers;
mod strict;
