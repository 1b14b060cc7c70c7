#!/usr/bin/perl

# Writes a file as a C array, to be linked into the root:
#
#   embed.pl docs.html      pando_docs_html[], pando_docs_html_len

use strict;
use warnings;

my $path = shift // die "usage: embed.pl FILE\n";
my ($name) = $path =~ m{([^/]+)$};

open my $in, '<:raw', $path or die "$path: $!\n";
my $bytes = do { local $/; <$in> };

(my $symbol = "pando_$name") =~ s/\W/_/g;
my $array = join ",\n", map { "    $_" }
            map { join ',', unpack 'C*', $_ } unpack '(a20)*', $bytes;

print <<"END";
/* $name, embedded by embed.pl */

#include <stddef.h>

extern const unsigned char  ${symbol}[];
extern const size_t         ${symbol}_len;

const unsigned char  ${symbol}[] = {
$array
};

const size_t  ${symbol}_len = sizeof($symbol);
END
