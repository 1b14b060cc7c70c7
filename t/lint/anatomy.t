# One anatomy: whoever has read one domain knows where everything is in all.

use strict;
use warnings;

use Pando::Lint;
use Test::More;


sub anatomy
{
    my ($dir) = @_;
    my @said;

    for my $d (domains($dir)) {
        push @said, "modules/$d: has no $_"
            for grep { !-f "$dir/modules/$d/$_" } "${d}_module.c", "$d.h";

        push @said, "modules/$d: there is no conf/domains/$d.conf"
            unless -f "$dir/conf/domains/$d.conf";
        push @said, "conf/domains/$d.conf: has no location with pando_$d;"
            unless text("$dir/conf/domains/$d.conf") =~ /^\s*pando_$d;/m
                || text("$dir/conf/domains/$d.conf") =~ /\{\s*pando_$d;/;

        push @said, "modules/$d: there is no t/$d/*.t"
            unless files("$dir/t/$d", qr/\.t$/);

        for my $path (files("$dir/modules/$d", qr/./)) {
            push @said, "modules/$d/$path: a domain's folder is flat and its"
                . " files are $d.h, ${d}_<topic>.c, ${d}_<topic>.h, README.md"
                unless $path =~ m{^(?:$d(?:_\w+)?\.[ch]|README\.md)$};

            push @said, "modules/$d/$path: includes ${d}_sql.h, and"
                . " sql/$d/ has no migration"
                if text("$dir/modules/$d/$path") =~ /"${d}_sql\.h"/
                    && !files("$dir/sql/$d", qr/^\d{3}_\w+\.sql$/);
        }
    }

    for my $path (files("$dir/sql", qr{/}), files("$dir/t", qr{^[^/]+/})) {
        my ($d) = $path =~ m{^([^/]+)/};
        next if -d "$dir/modules/$d" || $d =~ /^(?:pando|root|lint|lib|bench)$/;
        push @said, "$path: there is no modules/$d";
    }

    push @said, map { "$_: no domain of that name" }
        grep { m{^conf/domains/(.+)\.conf$} && !-d "$dir/modules/$1" }
        files($dir, qr{^conf/domains/});

    return @said;
}


my %sound = (
    'modules/shoes/shoes_module.c' => '#include "shoes.h"',
    'modules/shoes/shoes.h' => '#include "shoes_sql.h"',
    'sql/shoes/001_shoes.sql' => '',
    'conf/domains/shoes.conf' => 'location /x { pando_shoes; }',
    't/shoes/shoes.t' => '',
);

sub without
{
    my ($path, %more) = @_;
    my %tree = (%sound, %more);
    delete $tree{$path};
    return \%tree;
}

lint anatomy => \&anatomy, keeps => \%sound, breaks => [
    without('modules/shoes/shoes_module.c'), qr/has no shoes_module\.c/,
    without('modules/shoes/shoes.h'), qr/has no shoes\.h/,
    without('sql/shoes/001_shoes.sql'), qr/sql\/shoes\/ has no migration/,
    without('conf/domains/shoes.conf'), qr/there is no conf\/domains\/shoes/,
    without('t/shoes/shoes.t'), qr/there is no t\/shoes\/\*\.t/,
    { %sound, 'conf/domains/shoes.conf' => '' }, qr/has no location/,
    { %sound, 'modules/shoes/sub/x.c' => '' }, qr/folder is flat/,
    { %sound, 'modules/shoes/laces.c' => '' }, qr/laces\.c: a domain's/,
    { %sound, 'sql/hats/001_hats.sql' => '' }, qr/there is no modules\/hats/,
    { %sound, 'conf/domains/hats.conf' => '' }, qr/no domain of that name/,
];

done_testing;
