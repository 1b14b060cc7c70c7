#
# SPDX-License-Identifier: BSD-2-Clause
#
# Functions: the C that stands for one query - its struct, its prototypes, the
# function that binds, runs and reads, and the `_or_404` beside it.
#
# compile.pl's opening says what a handler sees.  What must stay true: a text
# is never copied, an argument that is null is left unset, and the result of a
# statement is only looked at after pando_run() has returned it.

package Functions;

use strict;
use warnings;

use Queries;

my %TYPE = %Queries::TYPE;


sub struct
{
    my ($struct) = @_;
    my @members;

    for my $m (@{ $struct->{row} }) {
        push @members, [ member_type($m), $m->{name} ];
        push @members, [ 'bool', "has_$m->{name}" ]
            if $m->{null} && !is_text($m);
    }

    return "\ntypedef struct {\n" . aligned('    ', ";\n", @members)
        . "} $struct->{name};\n\n";
}


# A shape binds integers as int64_t, so that is what a struct has.
sub member_type
{
    my ($m) = @_;

    return $m->{type} eq 'int' ? 'int64_t' : $TYPE{$m->{type}}[0];
}


sub is_text
{
    my ($m) = @_;

    return $TYPE{$m->{type}}[3] && $TYPE{$m->{type}}[3] eq 'text';
}


sub prototypes
{
    my ($q) = @_;
    my $name = "$q->{domain}_sql_$q->{name}";
    my $waits = $q->{gives} eq 'none' ? '' : 'PANDO_WAITS ';
    my $h = "\n/* $q->{file}:$q->{line} */\n";

    $h = "\n/*\n" . join('', map { " * $_\n" } map { s{\*/}{* /}gr }
         @{ $q->{note} }, "$q->{file}:$q->{line}") . " */\n" if $q->{note};

    if ($q->{gives} eq 'page') {
        $h .= "extern const pando_pages_t  ${name}_pages;\n";
    }

    $h .= wrapped($waits . returns($q, 0) . $name, parameters($q)) . ";\n";
    $h .= wrapped("${waits}PANDO_LEAVES " . returns($q, 1) . "${name}_or_404",
                  parameters($q)) . ";\n" if $q->{null};

    return $h;
}


# An argument as C declares it; lists have their count beside them.
sub parameters
{
    my ($q) = @_;
    my @c = ('pando_tx_t *tx');

    for my $arg (@{ $q->{args} }) {
        my $type = $TYPE{$arg->{type}}[0];

        $type = "const $type *" if $arg->{null} && $type !~ /\*/;
        push @c, $type . ($type =~ /\*$/ ? '' : ' ') . $arg->{name};
        push @c, "size_t n$arg->{name}"
            if $arg->{type} =~ /\[\]$|^bytea$/;
    }

    push @c, 'size_t *n' if $q->{gives} eq 'rows';

    return @c;
}


# What a query returns: with its row there, or else with its `?`.
sub returns
{
    my ($q, $there) = @_;
    my $gives = $q->{gives};

    return "$q->{struct} *" if $q->{struct};
    return 'pando_json_t ' if $gives eq 'json';
    return 'void ' if $gives eq 'none';
    return 'int64_t ' if $gives eq 'affected';
    return 'pando_page_t *' if $gives eq 'page';

    my $type = member_type({ type => $gives });

    return $type if $type =~ /\*$/;
    return $q->{null} && !$there ? "const $type *" : "$type ";
}


sub reader
{
    my ($struct) = @_;
    my $c = "\n\nstatic void\n" . wrapped("read_$struct->{name}",
        'const pando_rows_t *rows', 'size_t i', "$struct->{name} *row")
        . "\n{\n";
    my $col = 0;

    for my $m (@{ $struct->{row} }) {
        my $read = column($m, "row->$m->{name}", 'i', $col);

        if ($m->{null} && !is_text($m)) {
            $c .= "\n    row->has_$m->{name} = !pando_rows_null(rows, i, $col);"
                . "\n\n    if (row->has_$m->{name}) {\n"
                . ($read =~ s/^/    /gmr) . "    }\n\n";
        } else {
            $c .= $read;
        }

        $col += $m->{type} eq 'money' ? 2 : 1;
    }

    return $c =~ s/(?<=\{\n)\n|\n(?=\n\n  )|\n(?=\n$)//gr . "}\n";
}


# One column into a struct's member or a scalar's place.
sub column
{
    my ($m, $place, $row, $col) = @_;
    my $read = "pando_rows_$TYPE{$m->{type}}[3](rows, $row, $col)";

    if ($m->{type} eq 'money') {
        return "    $place.amount = pando_rows_int(rows, $row, $col);\n"
            . "    strncpy($place.currency, pando_rows_text(rows, $row, "
            . ($col + 1) . "), 3);\n";
    }

    return "    $place = $read;\n";
}


sub functions
{
    my ($q) = @_;
    my $name = "$q->{domain}_sql_$q->{name}";
    my $c = function($q, $name, returns($q, 0), body($q));

    if ($q->{null}) {
        my @names = map { /(\w+)$/ } parameters($q);
        my $type = returns($q, 1);
        my $have = $q->{gives} eq 'json' ? 'found.text' : 'found';
        my $star = returns($q, 0) eq $type ? 'found' : '*found';

        $c .= function($q, "${name}_or_404", $type,
            '    ' . returns($q, 0) =~ s/(\*?)$/ $1/r =~ s/  +(\*?)$/  $1/r
            . wrapped("found = $name", @names) . ";\n\n"
            . "    if ($have == NULL) {\n        "
            . "pando_leave(pando_tx_req(tx), &pando_not_found);\n    }\n\n"
            . "    return $star;\n");
    }

    return $c;
}


sub function
{
    my ($q, $name, $type, $body) = @_;

    return "\n\n" . $type =~ s/ $//r . "\n"
        . wrapped($name, parameters($q)) . "\n{\n$body}\n";
}


# The body of a query's function: bind, run, read.
sub body
{
    my ($q) = @_;
    my $gives = $q->{gives};
    my $run = "pando_run(tx, &query_$q->{name}, &args)";
    my @locals = ([ 'pando_args_t', 'args = { 0 }' ]);
    my $do;

    if ($gives eq 'none') {
        $do = "    pando_queue(tx, &query_$q->{name}, &args);\n";

    } elsif ($gives eq 'page') {
        $do = '    ' . wrapped('return pando_run_page', 'tx',
            "&$q->{domain}_sql_$q->{name}_pages", '&args',
            scalar @{ $q->{params} }) . ";\n";

    } elsif ($gives eq 'affected') {
        $do = "    return pando_rows_affected($run);\n";

    } else {
        my ($read, @more) = $gives eq 'rows' ? all_rows($q) : one_row($q);

        push @locals, [ 'pando_rows_t *', 'rows' ], @more;
        $do = "    rows = $run;\n\n$read";
    }

    my $bind = binding($q);

    return aligned('    ', ";\n", @locals) . "\n"
        . ($bind ? "$bind\n" : '') . $do;
}


sub all_rows
{
    my ($q) = @_;
    my $type = $q->{struct};

    return <<"END", [ "$type *", 'row' ], [ 'size_t', 'i' ];
    *n = pando_rows_count(rows);
    row = pando_alloc(pando_tx_req(tx), *n * sizeof($type));

    for (i = 0; i < *n; i++) {
        read_$type(rows, i, &row[i]);
    }

    return row;
END
}


# A struct, a document or one value, or NULL where a `?` allows it.
sub one_row
{
    my ($q) = @_;
    my ($gives, $null) = @$q{qw(gives null)};
    my $value = { type => $gives };
    my $type = $q->{struct} // ($gives eq 'json' ? '' : member_type($value));
    my $in_place = $q->{struct} || $gives eq 'json' || is_text($value);
    my $none = $gives eq 'json' ? '(pando_json_t) { .version = -1 }' : 'NULL';
    my $empty = 'pando_rows_count(rows) == 0'
        . ($TYPE{$gives} ? ' || pando_rows_null(rows, 0, 0)' : '');
    my $read = $null ? "    if ($empty) {\n        return $none;\n    }\n\n"
        : "    pando_assert(pando_tx_req(tx), pando_rows_count(rows) == 1);\n\n";
    my $row = "pando_alloc(pando_tx_req(tx), sizeof($type))";

    if ($q->{struct}) {
        return "$read    row = $row;\n    read_$type(rows, 0, row);\n\n"
            . "    return row;\n", [ "$type *", 'row' ];
    }

    if ($null && !$in_place) {
        return "$read    row = $row;\n" . column($value, '*row', 0, 0)
            . "\n    return row;\n", [ "$type *", 'row' ];
    }

    return $read . '    return ' . ($gives eq 'json' ? 'pando_rows_json(rows, 0)'
        : "pando_rows_$TYPE{$gives}[3](rows, 0, 0)") . ";\n";
}


# Arguments into pando_args_t; what is not set stays null.
sub binding
{
    my ($q) = @_;
    my $c = '';

    for my $arg (@{ $q->{params} }) {
        my ($name, $n) = ($arg->{name}, $q->{number}{$arg->{name}});
        my ($type, undef, $how) = @{ $TYPE{$arg->{type}} };
        my $value = $how eq 'text' ? $name
            : $how =~ /^(?:uuid|time)$/ ? ($arg->{null} ? $name : "&$name")
            : $how =~ /s$/ ? "$name, n$name"
            : $arg->{null} ? "*$name" : $name;
        my $rq = $how =~ /^(?:uuids|texts|ints)$/ ? 'pando_tx_req(tx), ' : '';
        my $set = "pando_arg_$how(${rq}&args, $n, $value);\n";

        next if $name =~ /^(?:tenant|user)$/;

        $c .= $arg->{null} && $how ne 'text'
            ? "\n    if ($name != NULL) {\n        $set    }\n\n" : "    $set";
    }

    return $c =~ s/\n\n+/\n\n/gr =~ s/^\n//r =~ s/\n*$/\n/r =~ s/^\n$//r;
}


# Declarations with their names in one column: [type, name, ...].
sub aligned
{
    my ($indent, $end, @pairs) = @_;
    my $width = 0;

    for (@pairs) {
        my ($base, $star) = $_->[0] =~ /^(.*?)\s*(\*?)$/;
        my $length = length "$base  $star";

        $_ = [ $base, "$star$_->[1]", length $star ];
        $width = $length if $length > $width;
    }

    return join '', map {
        $indent . $_->[0] . ' ' x ($width - $_->[2] - length $_->[0])
            . "$_->[1]$end";
    } @pairs;
}


# "head(a, b)" wrapped at 79 columns.
sub wrapped
{
    my ($head, @list) = @_;
    my ($text, $line) = ('', "$head(");

    for my $i (0 .. $#list) {
        my $item = $list[$i] . ($i < $#list ? ',' : ')');

        if (length("$line$item") > 78) {
            $text .= $line =~ s/ ?$/\n/r;
            $line = '    ';
        }

        $line .= $item . ($i < $#list ? ' ' : '');
    }

    return $text . $line;
}

1;
