// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title TestToken
/// @notice The money of local chains and test networks: anyone may mint any amount.
contract TestToken is ERC20Permit {
    constructor() ERC20("PoLeStar Test Token", "POLE") ERC20Permit("PoLeStar Test Token") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}
