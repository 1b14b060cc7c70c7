# The project speaks of the project alone: no path of some machine, no host
# of a package registry, no place where it happened to be made.

use strict;
use warnings;

use Pando::Lint;
use Test::More;

my @PATTERNS = map { qr/$_/ } (
    '(?<![\w.])/(?:work|farm)/',
    '/tmp/(?:bash_jobs|pando/)',
    '(?<![\w.])/home/\w+/',
    'deb\.debian\.org', 'registry\.npmjs', 'pypi\.org', 'proxy\.golang',
);


sub words
{
    my ($dir) = @_;
    my @said;

    for my $path (files($dir, qr/./)) {
        next if $path eq 't/lint/words.t' || -B "$dir/$path";

        my $n = 0;

        for my $line (split /\n/, text("$dir/$path")) {
            $n++;
            push @said, map { "$path:$n: $line" }
                grep { $line =~ $_ } @PATTERNS;
        }
    }

    return @said;
}


lint words => \&words,
    keeps => { 'README.md' => "network/work/ is no path, ./work/ neither\n" },
    breaks => [
        { 'README.md' => "see\n/work/main/t\n" }, qr/README\.md:2/,
        { 't/x.t' => "# /tmp/bash_jobs.0/1\n" }, qr/x\.t:1/,
        { 'conf/packages' => "http://deb.debian.org\n" }, qr/packages:1/,
    ];

done_testing;
