# nginx puts objects in addon/<folder>/<file>.o and makes include paths global:
# the name of a C file or a header says which one is meant, all over Pando.

use strict;
use warnings;

use Pando::Lint;
use Test::More;


sub names
{
    my ($dir) = @_;
    my (%seen, @said);

    for my $path (files($dir, qr{^(?:modules|lua-free-handlers|t)/.*\.[ch]$})) {
        my ($name) = $path =~ m{([^/]+)$};
        push @said, "$path: $seen{$name} has that name" if $seen{$name};
        $seen{$name} //= $path;
    }

    push @said, map { "$_: config makes a file of that name" }
        grep { m{_(?:sql|face)\.[ch]$} } values %seen;

    push @said, map { "modules/$_: is the name of a folder of the build" }
        grep { /^(?:pando|lua-free-handlers)$/ } domains($dir);

    return @said;
}


lint names => \&names,
    keeps => { 'modules/a/a_x.c' => '', 'modules/b/b_x.c' => '' },
    breaks => [
        { 'modules/a/a_x.c' => '', 'modules/b/a_x.c' => '' }, qr/has that name/,
        { 'modules/a/a.h' => '', 'lua-free-handlers/a.h' => '' },
            qr/has that name/,
        { 'modules/a/a_sql.c' => '' }, qr/config makes/,
        { 'modules/pando/pando_x.c' => '' }, qr/name of a folder/,
    ];

done_testing;
