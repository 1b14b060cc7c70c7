#
# SPDX-License-Identifier: BSD-2-Clause
#
# Rules: what every named query has to keep to.
#
# A value never becomes part of a statement's text.  A statement on a tenant's
# table binds :tenant, which the runtime fills (as it does :user), or says why
# it goes across tenants.  A domain touches its own schema and the root's, and
# only tables that a migration creates.  What writes never goes by the lane of
# reads.  What breaks a rule dies with "file:line: sentence".

package Rules;

use strict;
use warnings;

my $WRITES = qr/^(?:insert|update|delete|merge|emit|enqueue|claim_key|keep_reply
    |nextval|setval|set_config|pg_notify|pg_(?:try_)?advisory\w*)$/x;
my $RUNS_TEXT = qr/^(?:(?:query|cursor|table|schema|database)_to_xml\w*
    |dblink\w*|execute|ts_stat)$/xi;
our $MARKS = qr/^(?:after|order|limit|keys)$/;


sub refuse
{
    my ($where, $sentence) = @_;

    die "$where->{file}:$where->{line}: $sentence\n";
}


# The rules that hold for every statement; its lane is settled here.
sub checked
{
    my ($q, $tables) = @_;
    my @t = grep { $_->[0] ne 'space' } @{ $q->{tokens} };
    my @words = map { lc $_->[1] } grep { $_->[0] eq 'word' } @t;
    my $writes = grep { $_ =~ $WRITES } @words;

    refuse($q, "$q->{name} has no statement") if !@t;
    pop @t if $t[-1][1] eq ';';
    refuse($q, 'a query begins with SELECT, WITH, INSERT, UPDATE, DELETE,'
           . ' MERGE or VALUES') if $t[0][1] !~
        /^(?:select|with|insert|update|delete|merge|values)$/i;

    worded($q, @t);
    my $used = bound($q, @t);
    owned($q, $tables, $used);
    paged($q, $used);
    told($q, @t);

    refuse($q, "$q->{name} gives no struct and has no \"-- row:\"")
        if $q->{row} && !$q->{struct};

    $writes ||= join(' ', @words)
        =~ /\bfor (?:no key )?(?:update|key share|share)\b/;
    refuse($q, "$q->{name} writes and cannot go by the lane reads")
        if $writes && ($q->{lane} // '') eq 'reads';
    $q->{lane} //= $writes ? 'writes' : 'reads';
}


# One statement, whose text is all in the file.
sub worded
{
    my ($q, @t) = @_;

    for (@t) {
        my ($kind, $text, $line) = @$_;
        my $here = { %$q, line => $line };

        refuse($here, 'a query is one statement: there is a semicolon in it')
            if $text eq ';';
        refuse($here, "$text runs a text as SQL")
            if $kind eq 'word' && $text =~ $RUNS_TEXT;
        refuse($here, "$text: parameters are named, as in :id")
            if $kind eq 'other' && $text =~ /^\$\d/;
    }
}


# Parameters are declared, used, and values: { name => 1 } of those used.
sub bound
{
    my ($q, @t) = @_;
    my %declared = map { $_->{name} => 1 } @{ $q->{args} };
    my %used;

    @declared{qw(tenant user)} = (1, 1);

    for my $i (0 .. $#t) {
        my ($kind, $text, $line) = @{ $t[$i] };
        my $here = { %$q, line => $line };

        if ($kind eq 'string' || $kind eq 'name') {
            my ($inside) = grep { $declared{$_} } $text =~ /(?<![:\w]):(\w+)/g;

            refuse($here, ":$inside stands inside quotes, where it is not a"
                   . ' parameter') if $inside;

        } elsif ($kind eq 'param') {
            my $name = substr $text, 1;

            $used{$name} = 1;
            next if $q->{gives} eq 'page' && $name =~ $MARKS;

            refuse($here, "$text is not an argument of $q->{name}")
                if !$declared{$name};
            refuse($here, "$text would become part of a pattern: wrap it as"
                   . " pando.like($text)") if patterned(\@t, $i);
        }
    }

    for my $name (map { $_->{name} } @{ $q->{args} }) {
        refuse($q, "the argument $name is not used") if !$used{$name};
    }

    return \%used;
}


# A domain's own tables and the root's, and of a tenant's only the tenant's.
sub owned
{
    my ($q, $tables, $used) = @_;
    my $tenants;

    for (touched($q)) {
        my ($table, $line) = @$_;
        my $here = { %$q, line => $line };
        my ($schema) = split /\./, $table;

        next if $q->{domain} eq 'pando' && $schema eq 'pg_catalog';

        refuse($here, "$table is another schema's: a domain touches its own"
               . " tables and the root's")
            if $schema ne $q->{domain} && $schema ne 'pando';
        refuse($here, "no migration creates $table") if !$tables->{$table};

        $tenants //= $table if $tables->{$table}{tenant};
    }

    refuse($q, "$tenants belongs to tenants and $q->{name} does not use"
           . ' :tenant; bind it, or say "-- across tenants: <reason>"')
        if $tenants && !$used->{tenant} && !$q->{across};
    refuse($q, "$q->{name} says across tenants and touches no tenant's table")
        if $q->{across} && !$tenants;
}


# The tables that a statement names, as [table, line].  One that is neither
# qualified nor of the statement's own WITH is refused: connections are shared
# and have no search path.
sub touched
{
    my ($q) = @_;
    my @t = map { [ $_->[0] eq 'word' ? lc $_->[1] : $_->[1], $_->[2] ] }
        grep { $_->[0] ne 'space' } @{ $q->{tokens} };
    my @at = map { $_->[0] } @t;
    my $plain = join ' ', @at;
    my (%with, @touched, @stack, $in);

    $with{$1} = 1 while $plain =~
        /(\w+)[ ](?:\([ ][\w ,]+[ ]\)[ ])?as[ ](?:(?:not[ ])?materialized[ ])?
         \([ ](?:select|insert|update|delete|merge|with|values)\b/gx;

    $in = { from => 0, want => '' };

    for (my $i = 0; $i < @t; $i++) {
        my ($w, $before, $next) = ($at[$i], $i ? $at[$i - 1] : '',
                                   $at[$i + 1] // '');

        if ($w eq '(') {
            my $sub = $next =~ /^(?:select|with|values)$/;
            my $table = $in->{want} && !$sub ? 'from' : '';

            $in->{want} = '';
            push @stack, $in;
            $in = { want => $table, from => $table ? 1 : 0 };
            $in->{no} = 1 if $before =~
                /^(?:extract|substring|trim|overlay|position)$/;

        } elsif ($w eq ')') {
            $in = pop @stack
                // refuse($q, 'a parenthesis is closed and was not opened');

        } elsif ($w eq ',') {
            $in->{want} = $in->{from} ? 'from' : '';

        } elsif ($before eq '.') {
            next;

        } elsif ($w eq 'from' && !$in->{no} && $before ne 'rows'
                 && !($before eq 'distinct' && $at[$i - 2] =~ /^(?:is|not)$/)
                 || $w eq 'join' || $w eq 'table'
                 || $w eq 'using' && $next ne '(')
        {
            @$in{qw(from want)} = (1, 'from');

        } elsif ($w eq 'using' && ($at[$i + 2] // '') eq 'select') {
            $in->{from} = 1;

        } elsif ($w eq 'into' || $w eq 'update'
                 && $before !~ /^(?:for|key|do|on)$/)
        {
            $in->{want} = 'into';

        } elsif ($w =~ /^(?:where|group|order|limit|offset|fetch|having|for|set
                        |window|returning|union|intersect|except|select)$/x)
        {
            @$in{qw(from want)} = (0, '');

        } elsif ($in->{want} && $w !~ /^(?:only|lateral)$/) {
            my $call = $at[$i + ($next eq '.' ? 3 : 1)] // '';

            if ($call eq '(' && $in->{want} ne 'into' || $w eq 'rows') {
                $in->{want} = '';
            } elsif ($next eq '.') {
                push @touched, [ "$w.$at[$i + 2]", $t[$i][1] ];
            } elsif (!$with{$w}) {
                refuse({ %$q, line => $t[$i][1] },
                    "name the schema of the table $w");
            }

            $in->{want} = '';
        }

        refuse({ %$q, line => $t[$i][1] }, "$w.$at[$i + 2]() is another"
               . " schema's: a domain touches its own and the root's")
            if $next eq '.' && ($at[$i + 3] // '') eq '(' && $before ne 'into'
               && $w =~ /^\w+$/ && $w !~ /^(?:pando|pg_catalog|$q->{domain})$/;
    }

    return @touched;
}


# PostgreSQL does not run a SELECT of a WITH that nothing reads: an event told
# there would be lost.
sub told
{
    my ($q, @t) = @_;
    my $plain = lc join ' ', map { $_->[0] eq 'string' ? "''" : $_->[1] } @t;
    my $body = qr/(\((?:[^()]++|(?-1))*+\))/;

    while ($plain =~ /(\w+) as (?:(?:not )?materialized )?(?=$body)/g) {
        my ($with, $select, $all) = ($1, $2, $plain);

        next if $select !~ /^\( (?:select|with)\b.*\bemit \(/;
        refuse($q, "nothing reads $with, and so PostgreSQL would not run it:"
               . ' no event would be written')
            if (() = $all =~ /\b$with\b/g) < 2;
    }
}


# Whether the parameter at $i is glued into a LIKE pattern.
sub patterned
{
    my ($t, $i) = @_;

    return 0 if ($t->[$i + 1][1] // '') ne '||'
                && ($i == 0 || $t->[$i - 1][1] ne '||');

    while ($i-- > 0 && $t->[$i][1] !~ /^(?:and|or|where|on|when|,)$/i) {
        return 1 if $t->[$i][1] =~ /^(?:i?like|similar)$/i;
    }

    return 0;
}


# A page has its four marks and at least one sort; others have neither.
sub paged
{
    my ($q, $used) = @_;
    my %seen;

    if ($q->{gives} ne 'page') {
        refuse($q, "$q->{name} is not a page and has no sort")
            if $q->{sorts};
        return;
    }

    refuse($q, "the page $q->{name} names no \"-- sort:\"")
        if !$q->{sorts};

    for my $mark (qw(keys after order limit)) {
        refuse($q, "the page $q->{name} does not use :$mark")
            if !$used->{$mark};
    }

    for my $sort (@{ $q->{sorts} }) {
        refuse($q, "the sort $sort->{sort} is named twice")
            if $seen{$sort->{sort}}++;
    }
}


# One struct has one typing in a domain.
sub agreed
{
    my ($q, $first) = @_;
    my ($one, $other) = map {
        join ', ', map { "$_->{name} $_->{type}" . '?' x $_->{null} }
            @{ $_->{row} };
    } $q, $first;

    refuse($q, "$q->{struct} is typed otherwise at"
           . " $first->{file}:$first->{line}") if $one ne $other;
}

1;
