# Arrows run one way.  A domain's .c includes its own header first, then what
# other domains offer; the header of nginx, libpq or the system it never does.

use strict;
use warnings;

use Pando::Lint;
use Test::More;


sub includes
{
    my ($dir) = @_;
    my @said;
    my $place = qr{^(?:modules|t/root/domains)/([^/]+)/[^/]+\.([ch])$};

    for my $path (files($dir, $place)) {
        my ($d, $kind) = $path =~ $place;
        my @names = text("$dir/$path") =~ /^\s*#\s*include\s+([<"][^>"]+[>"])/mg;

        push @said, "$path: includes \"$d.h\" first"
            if $kind eq 'c' && ($names[0] // '') ne "\"$d.h\"";

        my $allowed = $kind eq 'c'
            ? qr/^"(?:$d(?:_\w+)?\.h|\w+_api\.h)"$/
            : qr/^"(?:pando\.h|$d(?:_\w+)?\.h)"$/;

        # a domain that tests the root may look into it
        @names = grep { !/^"pando_\w+\.h"$/ } @names if $path =~ /^t/;

        push @said, "$path: includes $_" for grep { !/$allowed/ } @names;
    }

    # the root knows no domain
    for my $path (files($dir, qr{^lua-free-handlers/\w+\.[ch]$})) {
        push @said, map { "$path: includes $_" }
            grep { !/^"pando\w*\.h"$/ }
            text("$dir/$path") =~ /^\s*#\s*include\s+("[^"]+")/mg;
    }

    return @said;
}


sub of { return { 'modules/shoes/shoes_fit.c' => $_[0] } }

lint includes => \&includes,
    keeps => { 'modules/shoes/shoes_fit.c' =>
                   qq{#include "shoes.h"\n#include "hats_api.h"\n},
               'modules/shoes/shoes.h' =>
                   qq{#include "pando.h"\n#include "shoes_sql.h"\n},
               'lua-free-handlers/pando_x.c' =>
                   qq{#include "pando_root.h"\n#include <netdb.h>\n} },
    breaks => [
        of(qq{#include "hats_api.h"\n#include "shoes.h"\n}), qr/"shoes\.h" first/,
        of(qq{#include "shoes.h"\n#include <stdio.h>\n}), qr/<stdio\.h>/,
        of(qq{#include "shoes.h"\n#include "hats.h"\n}), qr/"hats\.h"/,
        of(qq{#include "shoes.h"\n#  include <ngx_core.h>\n}), qr/ngx_core/,
        of(qq{#include "shoes.h"\n#include "pando_root.h"\n}), qr/pando_root/,
        { 'modules/shoes/shoes.h' => '#include <libpq-fe.h>' }, qr/libpq/,
        { 'lua-free-handlers/pando_x.c' => '#include "hats_api.h"' },
            qr/pando_x\.c: includes "hats_api\.h"/,
    ];

done_testing;
